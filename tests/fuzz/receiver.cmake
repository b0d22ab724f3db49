tocsin_fuzzer(receiver SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_receiver.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_receiver.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/receiver)
