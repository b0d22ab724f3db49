set(_watch ${CMAKE_SOURCE_DIR}/host-agent/watch)
tocsin_fuzzer(baseline_text SOURCES fuzz_baseline_text.c ${_watch}/baseline_text.c ${_watch}/baseline.c
  ${_watch}/baseline_load.c ${_watch}/baseline_read.c ${_watch}/baseline_write.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/seeds/baseline_text)
