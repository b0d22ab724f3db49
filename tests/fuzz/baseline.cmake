tocsin_fuzzer(baseline SOURCES fuzz_baseline.c ${CMAKE_SOURCE_DIR}/host-agent/watch/baseline.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c)
