tocsin_fuzzer(sealed SOURCES fuzz_sealed.c ${CMAKE_SOURCE_DIR}/host-agent/conf/sealed.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c)
