tocsin_fuzzer(serial_stream SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_serial_stream.c
  ${CMAKE_SOURCE_DIR}/hal/host/serial_stream.c)
