tocsin_fuzzer(pattern SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_pattern.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/pattern.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/pattern)
