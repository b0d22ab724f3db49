tocsin_fuzzer(load SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_load.c ${CMAKE_SOURCE_DIR}/host-agent/watch/views_load.c
  LIBS agent SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/load)
