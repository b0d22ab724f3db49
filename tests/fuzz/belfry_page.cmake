set(_page ${CMAKE_SOURCE_DIR}/firmware/belfry/page)
tocsin_fuzzer(belfry_page SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_belfry_page.c ${_page}/ask.c ${_page}/html.c ${_page}/metrics.c
  ${_page}/model.c ${_page}/rows.c ${_page}/sheet.c ${_page}/timeline.c ${_page}/host.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/ctl/fields.c ${CMAKE_SOURCE_DIR}/firmware/belfry/ctl/request.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/text.c ${CMAKE_SOURCE_DIR}/firmware/wire/escape.c ${CMAKE_SOURCE_DIR}/firmware/wire/line.c ${CMAKE_SOURCE_DIR}/firmware/wire/crc32.c
  ${CMAKE_SOURCE_DIR}/firmware/wire/base32.c
  SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/belfry_page)
