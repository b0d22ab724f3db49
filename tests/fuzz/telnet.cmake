tocsin_fuzzer(telnet SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_telnet.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/line/telnet.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/telnet)
