tocsin_fuzzer(modules SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_modules.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/views_modules.c LIBS agent SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/modules)
