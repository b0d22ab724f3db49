tocsin_fuzzer(usbfind SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbfind.c ${CMAKE_SOURCE_DIR}/hal/host/usb_find.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/usbfind)
