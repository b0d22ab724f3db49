file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(assembler SOURCES fuzz_assembler.c ${CMAKE_SOURCE_DIR}/firmware/logger/assembler.c ${_wire})
