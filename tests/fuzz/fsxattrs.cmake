tocsin_fuzzer(fsxattrs SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_fsxattrs.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/fs_xattrs.c ${CMAKE_SOURCE_DIR}/host-agent/watch/fs_words.c
  ${CMAKE_SOURCE_DIR}/host-agent/conf/utc.c
  ${CMAKE_SOURCE_DIR}/host-agent/watch/fs_compare.c ${CMAKE_SOURCE_DIR}/firmware/wire/hash.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/keys.c ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/fsxattrs)
