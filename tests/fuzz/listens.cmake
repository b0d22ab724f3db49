tocsin_fuzzer(listens SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_listens.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/listens_format.c ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/listens)
