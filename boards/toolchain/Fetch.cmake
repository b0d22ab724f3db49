# tocsin_fetch(OUT POOL SHA256): OUT becomes the folder that holds what is in one file of Debian's archive. POOL is its
# path below pool/main, SHA256 what it has to be. It is taken from TOCSIN_ARCHIVES when it lies there, else from the
# mirrors this machine installs from, else from Debian's, else from the archive that keeps all that Debian ever had.
set(TOCSIN_ARCHIVES "${CMAKE_BINARY_DIR}/archives" CACHE PATH "where archives of libraries are kept")

function(_tocsin_mirrors out)
  execute_process(COMMAND apt-get indextargets --format "$(REPO_URI)" "Created-By: Packages" "Origin: Debian"
    OUTPUT_VARIABLE _own ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REPLACE "\n" ";" _own "${_own}")
  set(_all ${_own} "http://deb.debian.org/debian/" "http://snapshot.debian.org/archive/debian/20230610T090000Z/")
  list(REMOVE_DUPLICATES _all)
  set(${out} ${_all} PARENT_SCOPE)
endfunction()

# apt knows the proxies and the kinds of mirror that this machine has.
function(_tocsin_download url file sha256)
  find_program(APT_HELPER apt-helper HINTS /usr/lib/apt)
  if(APT_HELPER)
    execute_process(COMMAND ${APT_HELPER} -o APT::Sandbox::User=root -o Acquire::Retries=2 download-file ${url} ${file}
      SHA256:${sha256} OUTPUT_QUIET ERROR_QUIET)
  else()
    file(DOWNLOAD ${url} ${file} TIMEOUT 120 STATUS _status)
  endif()
endfunction()

function(tocsin_fetch out pool sha256)
  get_filename_component(_name ${pool} NAME)
  set(_file ${TOCSIN_ARCHIVES}/${_name})
  set(_folder ${CMAKE_BINARY_DIR}/libraries/${_name})
  _tocsin_mirrors(_mirrors)
  set(_found "")
  foreach(_mirror "" ${_mirrors})
    if(NOT _mirror STREQUAL "")
      file(MAKE_DIRECTORY ${TOCSIN_ARCHIVES})
      _tocsin_download(${_mirror}pool/main/${pool} ${_file} ${sha256})
    endif()
    if(EXISTS ${_file})
      file(SHA256 ${_file} _found)
      if(_found STREQUAL sha256)
        break()
      endif()
      file(REMOVE ${_file})
    endif()
  endforeach()
  if(NOT _found STREQUAL sha256)
    set(${out} "" PARENT_SCOPE)
    return()
  endif()
  if(NOT EXISTS ${_folder}/complete)
    file(REMOVE_RECURSE ${_folder})
    file(ARCHIVE_EXTRACT INPUT ${_file} DESTINATION ${_folder})
    if(EXISTS ${_folder}/data.tar.xz) # a binary package
      file(ARCHIVE_EXTRACT INPUT ${_folder}/data.tar.xz DESTINATION ${_folder})
    endif()
    file(TOUCH ${_folder}/complete)
  endif()
  set(${out} ${_folder} PARENT_SCOPE)
endfunction()

# tocsin_without(OPTION WHAT): ends with what is missing and the two ways on.
function(tocsin_without option what pool sha256)
  get_filename_component(_name ${pool} NAME)
  message(FATAL_ERROR "${what}: no mirror has pool/main/${pool} (sha256 ${sha256}). Put ${_name} into "
    "${TOCSIN_ARCHIVES}, or configure with -D${option}=OFF: the channels that need it are then told as not built in.")
endfunction()
