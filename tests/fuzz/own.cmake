tocsin_fuzzer(own SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_own.c ${CMAKE_SOURCE_DIR}/host-agent/watch/views_own.c
  LIBS agent SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/own)
