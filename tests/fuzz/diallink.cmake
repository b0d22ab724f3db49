tocsin_fuzzer(diallink SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_diallink.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/dial/link.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/diallink)
