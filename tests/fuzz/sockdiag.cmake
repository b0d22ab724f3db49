tocsin_fuzzer(sockdiag SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_sockdiag.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/sockdiag.c ${CMAKE_SOURCE_DIR}/host-agent/watch/netlink.c ${CMAKE_SOURCE_DIR}/host-agent/watch/sockets.c)
