file(GLOB _usb CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/firmware/usb/*.c)
tocsin_fuzzer(usbcore SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbcore.c ${CMAKE_SOURCE_DIR}/tests/support/fake_usbd.c
  ${CMAKE_SOURCE_DIR}/tests/support/usb_os.c ${_usb} LIBS hal
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/usbcore)
