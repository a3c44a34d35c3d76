/** What is tried first of ten characters or more: keyboard walks, words with the usual endings. Lower case, without spaces. */
const WORDS = `
0123456789 0987654321 1122334455 1212121212 123123123a 1231231234 123321123321 1234512345 1234554321 123456123456 1234567890
12345678900 12345678910 1234567891 123456789a 123456789q 1234567899 1357924680 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc
2wsx3edc4rfv 3141592653 3141592654 741852963a 7894561230 789456123a 987654321a 9876543210 a123456789 a1b2c3d4e5 aa12345678 abc1234567
abcd123456 abcd1234567 abcde12345 access1234 adgjmptw12 admin12345 admin123456 adminadmin administrator alexander1 alexandria
asdf123456 asdfasdfasdf asdfghjkl1 asdfghjkl; asdfghjkl123 asdfjkl123 azertyuiop baseball123 basketball basketball1 butterfly1 changeme12
changeme123 changeme1234 charlie123 chocolate1 christopher composer123 computer123 cowboys123 default123 diamond123 dragon1234 elizabeth1
everything facebook123 football12 football123 footballer freedom123 friendship fuckyou123 gateway123 godzilla123 hello12345 helloworld
helloworld1 iloveyou12 iloveyou123 iloveyou1234 iloveyou2 iloveyouso ilovemyself internet123 jennifer123 jordan2323 julia12345 killer1234
letmein123 letmein1234 letmeinplease liverpool1 liverpool123 lovelylove manchester master1234 mastermaster michael123 michaeljordan
minecraft1 minecraft123 monkey1234 mypassword mypassword1 newpassword ninjaninja nothing123 p@ssw0rd12 p@ssw0rd123 p@ssword123
pa$$word123 pass123456 passpasspass passw0rd12 passw0rd123 password00 password01 password01! password10 password11 password12
password12! password123 password123! password1234 password12345 password123456 password1a password21 password22 password99 passwordpassword
princess12 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qawsedrftg qazwsx1234 qazwsxedc1 qazwsxedcrfv qwer123456 qwert12345 qwerty1234
qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop123 qwertyuiop[] qwertzuiop root123456 samsung123 secret1234
secretsecret september1 shadow1234 snowboarding spiderman1 spring2024 spring2025 spring2026 starwars12 starwars123 summer2024
summer2025 summer2026 sunshine12 sunshine123 superman12 superman123 superuser1 temp123456 temporary1 test123456 test1234567
testtest12 testtesttest thankyou12 trustno1234 unknown123 welcome123 welcome1234 welcome2024 welcome2025 welcome2026 whatever12 whatever123
winter2024 winter2025 winter2026 zaq12wsxcde3 zaq1xsw2cde3 zxcvbnm123 zxcvbnm,./ zxcvbnmasdfghjkl correcthorsebatterystaple
`

/** The passwords that are refused because everybody knows them. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(WORDS.trim().split(/\s+/))
