tocsin_fuzzer(doer SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_doer.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/fs_doer.c ${CMAKE_SOURCE_DIR}/host-agent/watch/pidinfo.c ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/freezer.c ${CMAKE_SOURCE_DIR}/host-agent/alarm/finding.c
  LIBS wire
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/doer)
