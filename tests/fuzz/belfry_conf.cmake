file(GLOB _belfry_conf ${CMAKE_SOURCE_DIR}/firmware/belfry/conf/*.c)
tocsin_fuzzer(belfry_conf SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_conf.c ${_belfry_conf}
  ${CMAKE_SOURCE_DIR}/firmware/belfry/notify/facility.c ${CMAKE_SOURCE_DIR}/firmware/belfry/notify/kinds.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/seal.c
  ${CMAKE_SOURCE_DIR}/hal/host/usb_name.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/belfry_conf)
