<?php
// Router of `php -S`: writes down every request, fails as the test asked, else hands it to MediaWiki's own api.php.
//
// faults.json holds a list; each request takes the first one off it. {"params": {...}} changes the request's
// parameters and lets MediaWiki answer; {"status", "headers", "body", "sleep_s"} answers in its place; {} is no fault.
$folder = getenv( 'WIKI_FOLDER' );
$path = parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH );
$line = json_encode(
	[
		'method' => $_SERVER['REQUEST_METHOD'],
		'path' => $path,
		'agent' => $_SERVER['HTTP_USER_AGENT'] ?? '',
		'time' => microtime( true ),
		'params' => $_GET + $_POST,
	],
	JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE
);
file_put_contents( "$folder/access.jsonl", "$line\n", FILE_APPEND | LOCK_EX );

$faults = json_decode( file_get_contents( "$folder/faults.json" ), true );
$fault = array_shift( $faults );
if ( $fault !== null ) {
	file_put_contents( "$folder/faults.json", json_encode( $faults ) );
	usleep( (int)( 1e6 * ( $fault['sleep_s'] ?? 0 ) ) );
	if ( isset( $fault['status'] ) ) {
		http_response_code( $fault['status'] );
		foreach ( $fault['headers'] ?? [] as $name => $value ) {
			header( "$name: $value" );
		}
		echo $fault['body'] ?? '';
		return true;
	}
	foreach ( $fault['params'] ?? [] as $name => $value ) {
		$_GET[$name] = $_POST[$name] = $value;
	}
}
if ( $path !== '/w/api.php' ) {
	http_response_code( 404 );
	echo 'not here';
	return true;
}
chdir( getenv( 'MW_INSTALL_PATH' ) );
require getenv( 'MW_INSTALL_PATH' ) . '/api.php';
