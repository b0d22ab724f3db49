tocsin_fuzzer(pinsline SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_pinsline.c
  ${CMAKE_SOURCE_DIR}/hal/linux/bench/pins_line.c LIBS hal)
