tocsin_fuzzer(belfry_ctl SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_ctl.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/ctl/request.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/belfry_ctl)
