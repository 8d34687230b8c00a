"""Pictures in and out: video files, folders of frames, masks, and what is written from them."""
