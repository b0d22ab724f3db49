tocsin_fuzzer(belfry_conf SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_conf.c ${CMAKE_SOURCE_DIR}/firmware/belfry/conf.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/belfry_conf)
