tocsin_fuzzer(usbstatus SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbstatus.c
  ${CMAKE_SOURCE_DIR}/firmware/usb/status.c)
