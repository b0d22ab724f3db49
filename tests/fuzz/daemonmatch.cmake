tocsin_fuzzer(daemonmatch SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_daemonmatch.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/daemonmatch.c ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/daemonmatch)
