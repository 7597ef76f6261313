-- $1 instances in three channels, of 41 products, with five instances a customer however many there are: a bigger
-- database has more customers and not bigger ones. What they are is drawn by chance, the same each time. Of the channel
-- "mid", the product "MID" and those that are frozen there are enough that two filters fill a page among 10,000; of
-- the others there are not. $2 to $5 are a sealed name, address, number and order.
WITH words AS (
    SELECT string_to_array('安 博 晨 达 恩 方 光 海 佳 凯 蓝 明 诺 鹏 青 锐 森 泰 旺 新', ' ') AS w
)
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, driver, product_id, sku_code, product_name,
                       linear_value, order_type, charging_mode, period_type, period_number, customer_id, customer_name,
                       real_name_sealed, email_sealed, email_bidx, phone_sealed, order_sealed, front_end_url, user_name, password_sealed,
                       access_version, created_at, order_known_at, provisioned_at, expires_at, expiry_since, notice_at, released_at)
SELECT CASE WHEN draw < 5 THEN 2 WHEN draw < 20 THEN 3 ELSE 1 END, 'inst-' || n, 'CS' || n, 'CS' || n || '-000001', 'inst-' || n, s.status,
       CASE WHEN (hashint8extended(n, 2) & 65535) % 500 = 0 THEN 'manual' ELSE 'static' END, product, 'sku-' || product, 'Product ' || product,
       10, 'NEW', '1', 'year', 1, 'cust-' || c, CASE c % 3 WHEN 0 THEN '深圳市' WHEN 1 THEN '杭州' ELSE '成都' END
           || w[1 + c % 20] || w[1 + c / 20 % 20] || w[1 + c / 400 % 20] || w[1 + c / 8000 % 20]
           || CASE c % 2 WHEN 0 THEN '科技有限公司' ELSE '商贸中心' END,
       $2::bytea, $3::bytea, sha256(('cust-' || c)::bytea), $4::bytea, $5::bytea, 'https://app.example.com/t/' || c, 'admin' || c, $2::bytea, 1,
       now() - n * interval '1 minute', now() - n * interval '1 minute', now() - n * interval '1 minute',
       now() + ((hashint8extended(n, 3) & 65535) % 366) * interval '1 day' + n * interval '1 millisecond', now() - n * interval '1 minute',
       CASE WHEN s.status <> 'released' THEN now() + interval '1 day' + n * interval '1 second' END, CASE WHEN s.status = 'released' THEN now() END
  FROM words, generate_series($1::int, 1, -1) AS n
 CROSS JOIN LATERAL (SELECT n / 5 AS c, (hashint8extended(n, 1) & 65535) % 100 AS draw,
                       CASE WHEN (hashint8extended(n, 6) & 65535) % 10 = 0 THEN 'MID' ELSE 'OFFI' || (hashint8extended(n, 4) & 65535) % 40 END AS product) customer
 CROSS JOIN LATERAL (SELECT (hashint8extended(n, 5) & 65535) % 100 AS r) drawn
 CROSS JOIN LATERAL (SELECT CASE WHEN r < 2 THEN 'provisioning' WHEN r < 12 THEN 'frozen' WHEN r < 27 THEN 'released' ELSE 'active' END) AS s (status)
