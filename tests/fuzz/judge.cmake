file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(judge SOURCES fuzz_judge.c ${_wire} SEEDS ${CMAKE_CURRENT_SOURCE_DIR}/seeds/judge)
