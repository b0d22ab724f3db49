file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(slot SOURCES fuzz_slot.c ${_wire})
