tocsin_fuzzer(routelook SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_routelook.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/routelook.c ${CMAKE_SOURCE_DIR}/host-agent/watch/netlink.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/routelook)
