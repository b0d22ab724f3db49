tocsin_fuzzer(netlink SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_netlink.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/netlink.c LIBS agent SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/netlink)
