tocsin_fuzzer(usbipclient SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbipclient.c ${CMAKE_SOURCE_DIR}/hal/host/usbip.c
  ${CMAKE_SOURCE_DIR}/hal/host/usb_config.c ${CMAKE_SOURCE_DIR}/hal/linux/usbip.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/usbipclient)
tocsin_fuzzer(usbconfig SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_usbconfig.c ${CMAKE_SOURCE_DIR}/hal/host/usb_config.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/usbconfig)
