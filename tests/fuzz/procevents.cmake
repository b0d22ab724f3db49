tocsin_fuzzer(procevents SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_procevents.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/procevents.c ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/procevents)
