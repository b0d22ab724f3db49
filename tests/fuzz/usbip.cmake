tocsin_fuzzer(usbip SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbip.c ${CMAKE_SOURCE_DIR}/hal/linux/usbip.c)
set(_linux ${CMAKE_SOURCE_DIR}/hal/linux)
tocsin_fuzzer(usbipserver SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbipserver.c ${_linux}/usbip_server.c ${_linux}/urbs.c
  ${_linux}/cable.c ${_linux}/usbip.c LIBS hal)
