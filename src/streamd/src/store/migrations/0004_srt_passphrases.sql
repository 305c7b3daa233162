-- The passphrase that encrypts SRT connections of the stream, sealed; null where they are not encrypted.
ALTER TABLE streams ADD COLUMN srt_passphrase TEXT;
