# The console's pages become files.c of the build folder. GW_CONSOLE says where they come from; nothing is written beside
# the sources.
set(GW_CONSOLE "" CACHE STRING "the operators' console: ON builds it with npm, PREBUILT takes GW_CONSOLE_DIST, OFF leaves it out; empty: ON when there is npm")
set(GW_CONSOLE_DIST "" CACHE PATH "a folder with the console's built files (index.html …), for GW_CONSOLE=PREBUILT")
set_property(CACHE GW_CONSOLE PROPERTY STRINGS "" ON OFF PREBUILT)
find_program(GW_NODE node)
find_program(GW_NPM npm)
mark_as_advanced(GW_NODE GW_NPM)

set(console_mode "${GW_CONSOLE}")
if(console_mode STREQUAL "")
  set(console_mode OFF)
  if(GW_NODE AND GW_NPM)
    set(console_mode ON)
  endif()
endif()
if(NOT console_mode MATCHES "^(ON|OFF|PREBUILT)$")
  message(FATAL_ERROR "GW_CONSOLE is ON, OFF or PREBUILT")
endif()

set(web ${CMAKE_CURRENT_SOURCE_DIR}/console/web)
set(console_build ${CMAKE_CURRENT_BINARY_DIR}/console)
set(console_c ${console_build}/files.c)
set(console_embed ${CMAKE_CURRENT_SOURCE_DIR}/console/embed.cmake)
set(console_dist "")
set(console_needs "")

if(console_mode STREQUAL "ON")
  if(NOT GW_NODE OR NOT GW_NPM)
    message(FATAL_ERROR "the console is built with node and npm (18 or newer); -DGW_CONSOLE=OFF leaves it out")
  endif()
  file(GLOB web_sources CONFIGURE_DEPENDS ${web}/*.js ${web}/*.jsx ${web}/*.css ${web}/*.html ${web}/*.svg)
  set(console_dist ${console_build}/dist)
  set(modules ${console_build}/node_modules)
  # What a package would run when it is installed is not run.
  add_custom_command(OUTPUT ${console_build}/npm.stamp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${console_build}
    COMMAND ${CMAKE_COMMAND} -E copy ${web}/package.json ${web}/package-lock.json ${console_build}
    COMMAND ${CMAKE_COMMAND} -E chdir ${console_build} ${GW_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${console_build}/npm.stamp
    DEPENDS ${web}/package.json ${web}/package-lock.json
    COMMENT "Fetching what the console is built with (-DGW_CONSOLE=OFF leaves the console out)" VERBATIM)
  # Preact's licence goes with it.
  add_custom_command(OUTPUT ${console_build}/dist.stamp
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${console_dist}
    COMMAND ${CMAKE_COMMAND} -E chdir ${web} ${CMAKE_COMMAND} -E env NODE_PATH=${modules}
      ${GW_NODE} ${modules}/esbuild/bin/esbuild main.jsx app.css --entry-names=app --bundle --minify --format=esm
      --target=chrome100,firefox100,safari15 --jsx=automatic --jsx-import-source=preact --charset=utf8 --log-level=warning
      --outdir=${console_dist}
    COMMAND ${CMAKE_COMMAND} -E copy ${web}/index.html ${web}/icon.svg ${console_dist}
    COMMAND ${CMAKE_COMMAND} -E copy ${modules}/preact/LICENSE ${console_dist}/preact-licence.txt
    COMMAND ${CMAKE_COMMAND} -E touch ${console_build}/dist.stamp
    DEPENDS ${console_build}/npm.stamp ${web_sources}
    COMMENT "Building the console" VERBATIM)
  set(console_needs ${console_build}/dist.stamp)
elseif(console_mode STREQUAL "PREBUILT")
  if(NOT EXISTS ${GW_CONSOLE_DIST}/index.html)
    message(FATAL_ERROR "GW_CONSOLE=PREBUILT: there is no index.html in GW_CONSOLE_DIST (${GW_CONSOLE_DIST})")
  endif()
  set(console_dist ${GW_CONSOLE_DIST})
  file(GLOB console_needs CONFIGURE_DEPENDS ${GW_CONSOLE_DIST}/*)
endif()
message(STATUS "Console: ${console_mode}")
set_property(GLOBAL PROPERTY GW_CONSOLE_MODE ${console_mode}) # tests ask for it

file(MAKE_DIRECTORY ${console_build})
add_custom_command(OUTPUT ${console_c}
  COMMAND ${CMAKE_COMMAND} "-DDIST=${console_dist}" -DOUT=${console_c} -P ${console_embed}
  DEPENDS ${console_needs} ${console_embed} COMMENT "Embedding the console" VERBATIM)
add_custom_target(console_pages DEPENDS ${console_c}) # the one step that may need the network
target_sources(console PRIVATE ${console_c})
