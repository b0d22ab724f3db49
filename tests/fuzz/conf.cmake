tocsin_fuzzer(conf SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_conf.c ${CMAKE_SOURCE_DIR}/host-agent/conf/conf.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_channel.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/name.c ${CMAKE_SOURCE_DIR}/host-agent/conf/sealed.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/plural.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_port.c ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_receiver.c ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_parse.c ${CMAKE_SOURCE_DIR}/host-agent/conf/conf_write.c ${CMAKE_SOURCE_DIR}/host-agent/conf/attrs.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/pattern.c ${CMAKE_SOURCE_DIR}/host-agent/conf/protect.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c
  ${CMAKE_SOURCE_DIR}/hal/host/usb_name.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/conf)
