tocsin_fuzzer(portplace SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_portplace.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_port.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/portplace)
