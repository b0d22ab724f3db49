tocsin_fuzzer(procunit SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_procunit.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/procunit)
