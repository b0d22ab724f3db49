tocsin_fuzzer(procnet SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_procnet.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/procnet.c ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/sockets.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/procnet)
