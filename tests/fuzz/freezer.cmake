tocsin_fuzzer(freezer SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_freezer.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/freezer.c ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/freezer)
