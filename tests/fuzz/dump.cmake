tocsin_fuzzer(dump SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_dump.c ${CMAKE_SOURCE_DIR}/firmware/dump/dump.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c)
