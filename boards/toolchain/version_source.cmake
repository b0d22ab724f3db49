# Run at each build: OUT says which commit of SOURCE this is, and is only written when that changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --tags --abbrev=12 OUTPUT_VARIABLE _commit
  ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE _failed)
if(_failed OR NOT _commit MATCHES "^[A-Za-z0-9._/+-]+$")
  set(_commit "release ${VERSION}")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define VERSION_SOURCE \"${_commit}\"\n")
