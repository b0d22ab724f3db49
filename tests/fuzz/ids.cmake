tocsin_fuzzer(ids SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_ids.c ${CMAKE_SOURCE_DIR}/host-agent/proc/ids.c
  LIBS agent SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/ids)
