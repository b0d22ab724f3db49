file(GLOB _wire CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/wire/*.c)
tocsin_fuzzer(line SOURCES fuzz_line.c ${_wire}
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/line)
