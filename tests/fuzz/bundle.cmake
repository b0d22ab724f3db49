tocsin_fuzzer(bundle SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_bundle.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/ctl/bundle.c LIBS wire SEEDS ${CMAKE_CURRENT_LIST_DIR}/bundle)
