file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(repair SOURCES fuzz_repair.c ${_wire} SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/seeds/repair)
