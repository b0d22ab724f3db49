tocsin_fuzzer(address SOURCES fuzz_address.c ${CMAKE_SOURCE_DIR}/host-agent/courier/address.c
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/seeds/address)
