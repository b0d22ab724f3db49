file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(pair SOURCES fuzz_pair.c ${_wire})
