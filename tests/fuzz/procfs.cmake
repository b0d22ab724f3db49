tocsin_fuzzer(procfs SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_procfs.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/procfs)
