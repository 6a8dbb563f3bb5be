package notary

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Store is a bucket of an S3-shaped store. Each export is an object of its own, which nothing writes again: a bucket that
// keeps its objects (object lock) keeps them from everyone.
type Store struct {
	Client         *minio.Client
	Bucket, Prefix string
}

// StoreError is a store's refusal, by its code: its words may repeat what they were told.
type StoreError struct{ Code string }

func (e *StoreError) Error() string { return "the store refuses: " + e.Code }

// Settings say where heads are written down.
type Settings struct {
	Target   string // file:///path or s3://bucket/prefix
	Endpoint string // of the store, https://…
	Region   string
	Access   string
	Secret   string
}

// Open makes the target of its settings.
func Open(s Settings) (Target, error) {
	u, err := url.Parse(s.Target)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || !path.IsAbs(u.Path) || strings.HasSuffix(u.Path, "/") {
			return nil, errors.New("must name a file by its whole path, as file:///var/lib/throughline/audit-heads.jsonl")
		}
		return File(u.Path), nil
	case "s3":
		return s.store(u)
	}
	return nil, errors.New("must begin with file:/// or s3://")
}

func (s Settings) store(u *url.URL) (Target, error) {
	endpoint, err := url.Parse(s.Endpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "https" && endpoint.Scheme != "http") {
		return nil, errors.New("needs the address of the store in AUDIT_EXPORT_ENDPOINT")
	}
	client, err := minio.New(endpoint.Host, &minio.Options{Creds: credentials.NewStaticV4(s.Access, s.Secret, ""), Secure: endpoint.Scheme == "https",
		Region: s.Region, MaxRetries: 1})
	if err != nil || u.Host == "" {
		return nil, errors.New("must look like s3://bucket/prefix")
	}
	return &Store{Client: client, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}, nil
}

// Append makes an object of the lines, named by the time so that they are listed in order.
func (s *Store) Append(ctx context.Context, lines []byte) error {
	name := path.Join(s.Prefix, time.Now().UTC().Format("20060102T150405.000000000Z")+"-"+strings.ToLower(rand.Text())[:8]+".jsonl")
	_, err := s.Client.PutObject(ctx, s.Bucket, name, bytes.NewReader(lines), int64(len(lines)),
		minio.PutObjectOptions{ContentType: "application/x-ndjson", SendContentMd5: true})
	return refusal(ctx, err)
}

// Lines reads the objects, one after the other in the order of their names.
func (s *Store) Lines(ctx context.Context) (io.ReadCloser, error) {
	var names []string
	prefix := s.Prefix
	if prefix != "" {
		prefix += "/"
	}
	for object := range s.Client.ListObjects(ctx, s.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			return nil, refusal(ctx, object.Err)
		}
		if strings.HasSuffix(object.Key, ".jsonl") {
			names = append(names, object.Key)
		}
	}
	slices.Sort(names)
	var all bytes.Buffer
	for _, name := range names {
		object, err := s.Client.GetObject(ctx, s.Bucket, name, minio.GetObjectOptions{})
		if err == nil {
			_, err = all.ReadFrom(object)
			err = errors.Join(err, object.Close())
		}
		if err != nil {
			return nil, refusal(ctx, err)
		}
	}
	return io.NopCloser(&all), nil
}

// refusal keeps the code of a store's error and nothing else of it.
func refusal(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ask the store: %w", ctx.Err())
	}
	code := minio.ToErrorResponse(err).Code
	if code == "" {
		code = "unreachable"
	}
	return &StoreError{Code: strings.ToLower(code)}
}
