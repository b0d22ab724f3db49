set(_watch ${CMAKE_SOURCE_DIR}/host-agent/watch)
tocsin_fuzzer(baseline SOURCES fuzz_baseline.c ${_watch}/baseline.c ${_watch}/baseline_load.c ${_watch}/baseline_read.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/baseline)
