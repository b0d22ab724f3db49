tocsin_fuzzer(mountinfo SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_mountinfo.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/mounts_info.c ${CMAKE_SOURCE_DIR}/host-agent/watch/mounts_disk.c ${CMAKE_SOURCE_DIR}/host-agent/watch/procfs.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/mountinfo)
