file(GLOB _store CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/store/*.c)
tocsin_fuzzer(store SOURCES fuzz_store.c ${_store} ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c
  ${CMAKE_SOURCE_DIR}/hal/linux/flash.c LIBS hal)
